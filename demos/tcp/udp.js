// The experiment "UDP": the same texts over UDP and over TCP, from two senders.
import { boxes } from "./control.js";
import { doing } from "./room.js";

const $ = (id) => document.getElementById(id);

/** Makes its button and its choice work. `run` asks the server to run an experiment. */
export function udp(run) {
  $("fault").addEventListener("change", () => run(`/udp?fault=${$("fault").value}`));

  $("send").addEventListener("click", async () => {
    $("send").disabled = true;
    doing("sending", false, "outcome");
    const result = await run("/udp?count=8");
    $("send").disabled = false;
    if (!result) return;
    const { sent, udp, tcp, lost } = result;
    boxes("sent", sent.map((text) => [text]));
    boxes("datagrams", udp.map(({ text, port }) => [text, `from ${port}`]));
    boxes("stream", tcp.map((text) => [text]));
    const order = udp.map(({ text }) => sent.indexOf(text)).filter((at) => at >= 0);
    const overtaken = order.filter((at, i) => order.slice(0, i).some((earlier) => earlier > at)).length;
    const inOrder = sent.length === tcp.length && sent.every((text, at) => text === tcp[at]);
    doing(`UDP: ${sent.length} sent, ${lost} lost, ${overtaken} overtaken. TCP: ${tcp.length} arrived${inOrder ? ", all in order" : ""}.`,
      lost > 0 || overtaken > 0, "outcome");
  });
}

const anyone = [];

/** Shows one more datagram, from any sender. */
export function showDatagram({ text, port }) {
  anyone.push([text, `from ${port}`]);
  if (anyone.length > 20) anyone.shift();
  boxes("anyone", anyone);
}
