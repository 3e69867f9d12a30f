"""Records the messages that pass the proxy, and cuts a connection when a client sends "cut here".

It replaces that message with one that ends the session, so the server closes the connection while the client waits for an answer.
"""

from mitmproxy import ctx


class Proxy:
    def load(self, loader):
        loader.add_option("seen", str, "", "the file to write to")

    def running(self):
        open(ctx.options.seen, "w").close()

    def tcp_message(self, flow):
        message = flow.messages[-1]
        with open(ctx.options.seen, "ab") as seen:
            seen.write(message.content)
        if message.from_client and b"cut here" in message.content:
            message.content = b"X\x00\x00\x00\x04"


addons = [Proxy()]
