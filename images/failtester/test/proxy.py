"""Writes down what passes the proxy, and cuts a connection on which "cut here" is said."""

from mitmproxy import ctx


class Proxy:
    def load(self, loader):
        loader.add_option("seen", str, "", "the file to write to")

    def running(self):
        open(ctx.options.seen, "w").close()

    def tcp_message(self, flow):
        content = flow.messages[-1].content
        with open(ctx.options.seen, "ab") as seen:
            seen.write(content)
        if b"cut here" in content:
            flow.kill()


addons = [Proxy()]
