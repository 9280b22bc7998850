// Compiled against the types of conversation.js, as an application would.
import { CallClient, CallError, type Conversation } from "./conversation.js";

const client = new CallClient({
  broker: "wss://example.org/mqtt",
  uid: "front-desk",
  token: async () => "token",
  connect: () => ({}),
});
client.on("called", (conversation: Conversation) => void conversation.accept(null));
client.on("connection", ({ state, code }) => console.log(state.toUpperCase(), code ?? ""));

async function main(): Promise<void> {
  await client.start();
  const conversation = client.call("door-1", null, { userData: "hello", lifetime: 20 });
  conversation.on("response", (status, { reason }) => console.log(status.toLowerCase(), reason));
  conversation.on("stream_received", (stream) => console.log(stream.getTracks().length));
  conversation.on("error", (error: CallError) => console.log(error.code));
  conversation.on("closed", (record) =>
    console.log(record.reason, record.duration.toFixed(1), record.quality?.video?.score),
  );
  console.log(conversation.takenBy?.toUpperCase());
}

void main();
