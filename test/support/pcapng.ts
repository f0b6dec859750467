/** A reader of pcap-ng files that takes nothing for granted: draft-ietf-opsawg-pcapng, little endian, and not a line of ipvsd's own. */
import assert from 'node:assert/strict';

/** What a file holds. */
export interface PcapNg {
  readonly application: string | undefined;
  readonly packets: { bytes: Uint8Array; time: number; comment: string; link: number; length: number }[];
}

/** Reads a file; every rule that the specification has for its blocks is held. */
export function readPcapNg(file: Uint8Array): PcapNg {
  const buffer = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const packets: PcapNg['packets'] = [];
  const links: number[] = [];
  let application: string | undefined;
  for (let at = 0; at < buffer.length; ) {
    const type = buffer.readUInt32LE(at);
    const length = buffer.readUInt32LE(at + 4);
    assert.equal(length % 4, 0, 'blocks are aligned to 32 bits');
    assert.equal(buffer.readUInt32LE(at + length - 4), length, 'the length is told twice');
    const body = buffer.subarray(at + 8, at + length - 4);
    if (at === 0) assert.equal(type, 0x0a0d0d0a, 'a section comes first');
    if (type === 0x0a0d0d0a) {
      assert.equal(body.readUInt32LE(0), 0x1a2b3c4d, 'byte order');
      assert.deepEqual([body.readUInt16LE(4), body.readUInt16LE(6)], [1, 0], 'version');
      application = options(body.subarray(16)).get(4)?.toString();
    } else if (type === 1) {
      links.push(body.readUInt16LE(0));
      assert.equal(body.readUInt16LE(2), 0, 'reserved');
      options(body.subarray(8));
    } else if (type === 6) {
      const link = links[body.readUInt32LE(0)];
      assert.ok(link !== undefined, 'the interface is known');
      const captured = body.readUInt32LE(12);
      const end = 20 + captured + (-captured & 3);
      packets.push({
        bytes: Uint8Array.from(body.subarray(20, 20 + captured)),
        time: body.readUInt32LE(4) * 2 ** 32 + body.readUInt32LE(8),
        comment: options(body.subarray(end)).get(1)?.toString() ?? '',
        link,
        length: body.readUInt32LE(16),
      });
    } else assert.fail(`a block of type ${type}`);
    at += length;
  }
  return { application, packets };
}

/** Options up to the one that ends them, which is the last thing in its block. */
function options(bytes: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = 0; at < bytes.length; ) {
    const code = bytes.readUInt16LE(at);
    const length = bytes.readUInt16LE(at + 2);
    if (code === 0) {
      assert.equal(at + 4, bytes.length, 'nothing follows the end of options');
      return found;
    }
    found.set(code, bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length + (-length & 3);
  }
  assert.equal(bytes.length, 0, 'options have an end');
  return found;
}
