/**
 * Reads BPF instructions (RFC 9669) back, in the notation of the kernel's verifier. It shares nothing with the assembler, so that each can be
 * held against the other.
 */

/** Bits of an opcode: class, and what the others mean depends on it. */
const CLASSES = ['ld', 'ldx', 'st', 'stx', 'alu', 'jmp', 'jmp32', 'alu64'] as const;
const OPERATIONS = [
  '+=',
  '-=',
  '*=',
  '/=',
  '|=',
  '&=',
  '<<=',
  '>>=',
  'neg',
  '%=',
  '^=',
  '=',
  's>>=',
  'end',
] as const;
const CONDITIONS: Readonly<Record<number, string>> = {
  1: '==',
  2: '>',
  3: '>=',
  4: '&',
  5: '!=',
  6: 's>',
  7: 's>=',
  10: '<',
  11: '<=',
  12: 's<',
  13: 's<=',
};
const WIDTHS = ['u32', 'u16', 'u8', 'u64'] as const;

/**
 * One instruction.
 * @param index of its first eight bytes among all.
 * @returns its text (`r1 = *(u32 *)(r6 +76)`, `if r2 > r3 goto +5`), and how many times eight bytes it takes; `?` with its bytes when it is none that
 * this project writes.
 */
export function disassembleOne(
  code: Uint8Array,
  index: number,
): { readonly text: string; readonly slots: number } {
  const view = new DataView(code.buffer, code.byteOffset + 8 * index);
  const opcode = view.getUint8(0);
  const registers = view.getUint8(1);
  const dst = registers & 15;
  const src = registers >>> 4;
  const offset = view.getInt16(2, true);
  const imm = view.getInt32(4, true);
  const kind = CLASSES[opcode & 7]!;
  const high = opcode >>> 4;
  const place = `(r${kind === 'ldx' ? src : dst} ${signed(offset)})`;
  const width = WIDTHS[(opcode >>> 3) & 3]!;
  const plain = (text: string) => ({ text, slots: 1 });
  switch (kind) {
    case 'ld': {
      if (opcode !== 0x18) break;
      const value = (BigInt(view.getUint32(12, true)) << 32n) | BigInt(imm >>> 0);
      if (src === 1) return { text: `r${dst} = map[fd:${imm}]`, slots: 2 };
      if (src === 2) return { text: `r${dst} = map[fd:${imm}][0]+${view.getInt32(12, true)}`, slots: 2 };
      return { text: `r${dst} = 0x${value.toString(16)}`, slots: 2 };
    }
    case 'ldx':
      if (opcode >>> 5 === 3) return plain(`r${dst} = *(${width} *)${place}`);
      break;
    case 'st':
      if (opcode >>> 5 === 3) return plain(`*(${width} *)${place} = ${imm}`);
      break;
    case 'stx':
      if (opcode >>> 5 === 3) return plain(`*(${width} *)${place} = r${src}`);
      if (opcode >>> 5 === 6 && imm === 1) return plain(`r${src} = lock *(${width} *)${place} += r${src}`);
      if (opcode >>> 5 === 6 && (imm === 0 || imm === 0x40))
        return plain(`lock *(${width} *)${place} ${imm === 0 ? '+=' : '|='} r${src}`);
      break;
    case 'alu':
    case 'alu64': {
      const letter = kind === 'alu' ? 'w' : 'r';
      const operation = OPERATIONS[high];
      if (operation === undefined) break;
      if (operation === 'neg') return plain(`${letter}${dst} = -${letter}${dst}`);
      if (operation === 'end') {
        if (kind === 'alu' && opcode & 8) return plain(`r${dst} = be${imm} r${dst}`);
        break;
      }
      return plain(`${letter}${dst} ${operation} ${opcode & 8 ? `${letter}${src}` : imm}`);
    }
    case 'jmp':
    case 'jmp32': {
      const letter = kind === 'jmp32' ? 'w' : 'r';
      if (opcode === 0x05) return plain(`goto ${signed(offset)}`);
      if (opcode === 0x85) return plain(`call #${imm}`);
      if (opcode === 0x95) return plain('exit');
      const condition = CONDITIONS[high];
      if (condition === undefined) break;
      const right = opcode & 8 ? `${letter}${src}` : imm;
      return plain(`if ${letter}${dst} ${condition} ${right} goto ${signed(offset)}`);
    }
  }
  return plain(`? ${Buffer.from(code.subarray(8 * index, 8 * index + 8)).toString('hex')}`);
}

/** All instructions; one text for each eight bytes, empty for the second half of a 64-bit number. */
export function disassemble(code: Uint8Array): string[] {
  const texts: string[] = [];
  for (let index = 0; index * 8 < code.length; ) {
    const { text, slots } = disassembleOne(code, index);
    texts.push(text);
    if (slots === 2) texts.push('');
    index += slots;
  }
  return texts;
}

function signed(offset: number): string {
  return `${offset < 0 ? '' : '+'}${offset}`;
}
