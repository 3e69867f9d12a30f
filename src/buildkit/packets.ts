import type { MessageInitShape } from '@bufbuild/protobuf';
import type { MessageStream } from './grpc/messages.ts';
import type { Packet, PacketSchema } from './proto/transfer_pb.js';

/** A packet to send. Fields that are left out have protobuf's default. */
export type PacketInit = MessageInitShape<typeof PacketSchema>;

/**
 * One call of FileSync/DiffCopy or FileSend/DiffCopy: both directions carry packets. `send` has encoded the packet when it
 * returns, so its data may be overwritten then.
 */
export type PacketStream = MessageStream<Packet, PacketInit>;

/** The bits of Go's os.FileMode, which a Stat has (fsutil stat.go). The lowest nine bits are the permissions. */
export const modeBits = {
  folder: 0x8000_0000,
  link: 0x0800_0000,
  device: 0x0400_0000,
  pipe: 0x0200_0000,
  socket: 0x0100_0000,
  characterDevice: 0x0020_0000,
  sticky: 0x0010_0000,
  irregular: 0x0008_0000,
} as const;
