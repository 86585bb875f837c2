// A small colourist in the place of highlight.js: this book has two languages in it, and two inks are enough. What is said
// about the code, what stands in quotes, and the words of the language; nothing else.
(() => {
  const WORDS = new Set(
    ("as async await break case catch class const continue crate default delete do dyn else enum export extends extern false " +
      "finally fn for function if impl import in instanceof let loop match mod move mut new null of pub ref return self Self " +
      "static struct super switch this throw true try type typeof undefined unsafe use var void where while yield").split(" "),
  );
  const PIECES =
    /(\/\/[^\n]*|\/\*[\s\S]*?\*\/|<!--[\s\S]*?-->)|(b?"(?:\\[\s\S]|[^"\\])*"|`(?:\\[\s\S]|[^`\\])*`|b?'(?:\\[^\n]{1,8}|[^'\\\n])'|'(?:\\.|[^'\\\n]){2,}')|\b(\d[\w.]*)\b|\b([A-Za-z_]\w*)\b/g;

  function colour(block) {
    const code = block.textContent;
    const pieces = [];
    let at = 0;
    const add = (className, text) => {
      const span = document.createElement("span");
      span.className = className;
      span.textContent = text;
      pieces.push(span);
    };
    for (const found of code.matchAll(PIECES)) {
      const [text, comment, string, number, word] = found;
      const kind = comment ? "comment" : string ? "string" : number ? "number" : WORDS.has(word) ? "keyword" : "";
      if (!kind) continue;
      pieces.push(code.slice(at, found.index));
      add(`hljs-${kind}`, text);
      at = found.index + text.length;
    }
    pieces.push(code.slice(at));
    block.replaceChildren(...pieces);
    block.classList.add("hljs");
  }

  const known = (block) => /\blanguage-(rust|js|javascript|html)\b/.test(block.className);
  const highlight = (block) => (known(block) ? colour(block) : block.classList.add("hljs"));
  window.hljs = { configure() {}, registerLanguage() {}, highlightBlock: highlight, highlightElement: highlight };
})();
