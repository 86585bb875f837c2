#!/bin/sh
# Installs what is missing of the browsers that the tests drive, of nginx and HAProxy, which they start in front of the demos,
# and of npm and pip, which fetch what only the tests need: from the system's package manager if this user may (root, or sudo
# without a password). Otherwise one line says what to install.
set -eu

have() { command -v "$1" >/dev/null 2>&1; }
have_chromium() { { have chromium || have chromium-browser || have google-chrome; } && have chromedriver; }
have_pip() { python3 -m pip --version >/dev/null 2>&1; }
# Systems lay these two where only root looks.
have_nginx() { have nginx || [ -x /usr/sbin/nginx ]; }
have_haproxy() { have haproxy || [ -x /usr/sbin/haproxy ]; }
have_firefox() { have firefox || have firefox-esr; }
have_redis() { have redis-server; }

# Runs a command as root.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_install() {
    [ "$(id -u)" = 0 ] || { have sudo && sudo -n true 2>/dev/null; }
}

# The names differ from system to system; the last words are what this one calls them.
packages() {
    if have apt-get; then
        have_chromium || echo chromium chromium-driver
        have_firefox || echo firefox-esr
        have npm || echo nodejs npm
        have_pip || echo python3 python3-pip
        have_nginx || echo nginx
        have_haproxy || echo haproxy
        have certutil || echo libnss3-tools # certutil: a browser that trusts an authority
    elif have dnf; then
        have_chromium || echo chromium chromedriver
        have_firefox || echo firefox
        have npm || echo nodejs npm
        have_pip || echo python3 python3-pip
        have_nginx || echo nginx
        have_haproxy || echo haproxy
        have certutil || echo nss-tools # certutil: a browser that trusts an authority
    elif have pacman; then
        have_chromium || echo chromium
        have_firefox || echo firefox
        have npm || echo nodejs npm
        have_pip || echo python python-pip
        have_nginx || echo nginx
        have_haproxy || echo haproxy
        have certutil || echo nss # certutil: a browser that trusts an authority
    elif have zypper; then
        have_chromium || echo chromium chromedriver
        have_firefox || echo MozillaFirefox
        have npm || echo nodejs npm
        have_pip || echo python3 python3-pip
        have_nginx || echo nginx
        have_haproxy || echo haproxy
        have certutil || echo mozilla-nss-tools # certutil: a browser that trusts an authority
    elif have apk; then
        have_chromium || echo chromium chromium-chromedriver
        have_firefox || echo firefox
        have npm || echo nodejs npm
        have_pip || echo python3 py3-pip
        have_nginx || echo nginx
        have_haproxy || echo haproxy
        have certutil || echo nss-tools # certutil: a browser that trusts an authority
    elif have brew; then
        have_chromium || echo chromium chromedriver
        have_firefox || echo firefox
        have npm || echo node
        have_pip || echo python
        have_nginx || echo nginx
        have_haproxy || echo haproxy
        have certutil || echo nss # certutil: a browser that trusts an authority
    fi
}

install_them() {
    if have apt-get; then
        as_root apt-get update -qq
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null
    elif have dnf; then as_root dnf install -y -q "$@"
    elif have pacman; then as_root pacman -S --noconfirm --needed "$@"
    elif have zypper; then as_root zypper --non-interactive --quiet install "$@"
    elif have apk; then as_root apk add --quiet "$@"
    elif have brew; then brew install --quiet "$@"
    fi
}

give_up() {
    echo "setup: $*" >&2
    exit 1
}

have_all() { have_chromium && have_firefox && have npm && have_pip && have_nginx && have_haproxy && have certutil; }

if ! have_all; then
    missing=$(packages | tr '\n' ' ')
    what="Chromium with chromedriver, Firefox, npm, Python with pip, nginx, HAProxy and certutil (${missing:-no package manager that this script knows})"
    if [ -z "$missing" ]; then give_up "install $what, then try again"; fi
    if ! have brew && ! may_install; then give_up "install $what as root, then try again"; fi
    echo "setup: installing $missing"
    # shellcheck disable=SC2086  # the names are words on purpose
    install_them $missing >/dev/null || give_up "this did not work; install $what, then try again"
    have_all || give_up "still missing; install $what, then try again"
fi

# What single demos and their tests want. Without it a test says so and passes (without Redis it fails in `make test`).
install_for() {
    demo=$1
    shift
    if [ $# = 0 ]; then
        return
    elif have brew || may_install; then
        echo "setup: installing $*"
        install_them "$@" >/dev/null || echo "setup: this did not work; install $* for the demo $demo" >&2
    else
        echo "setup: install $* for the demo $demo" >&2
    fi
}

redis=redis nghttp=nghttp2 tshark=wireshark
if have apt-get; then
    redis=redis-server nghttp=nghttp2-client tshark=tshark
elif have dnf; then
    tshark=wireshark-cli
elif have pacman; then
    redis=valkey tshark=wireshark-cli # valkey brings redis-server, too
elif have apk; then
    tshark=tshark
fi
# shellcheck disable=SC2046  # the names are words on purpose
install_for scaleout $(have_redis || echo $redis)
# shellcheck disable=SC2046
install_for http2 $(have curl || echo curl) $(have nghttp || echo $nghttp)
# shellcheck disable=SC2046
install_for wss $(have tshark || echo $tshark)

# Where apt has Chromium without its surroundings, of the version that the driver drives, the tests take that: it costs the
# processor less. Without it Chromium does its work.
version=$(dpkg-query -W -f '${Version}' chromium-driver 2>/dev/null || true)
bare="chromium-headless-shell=$version"
if [ -n "$version" ] && ! have chromium-headless-shell && apt-cache show "$bare" >/dev/null 2>&1 && may_install; then
    echo "setup: installing chromium-headless-shell"
    install_them "$bare" >/dev/null 2>&1 || echo "setup: this did not work; the tests take Chromium" >&2
fi

if ! have geckodriver; then
    # No package of Debian's has it; cargo builds it in a minute or two.
    echo "setup: installing geckodriver"
    cargo install --quiet geckodriver --version 0.37.1 --locked ||
        give_up "install geckodriver (https://github.com/mozilla/geckodriver), then try again"
fi

first_of() { "$@" 2>/dev/null | sed -n 1p; }
for program in chromium chromium-browser google-chrome firefox firefox-esr geckodriver; do
    if have $program; then echo "setup: $(first_of $program --version)"; fi
done
