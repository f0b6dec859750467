/** The commands about virtual addresses on interfaces, in front of a director that has all others. */
import { IpvsError } from '../errors.js';
import { canonicalVip } from './canonical.js';
import type { Args, CommandName, Director, Result, VipKey, VipSpec } from './command.js';
import { readArgs } from './command-table.js';
import { vipId } from './config-fields.js';

/** Whoever has the interfaces. */
export interface VipMachine {
  /** Puts an address on an interface. @throws NO_DEVICE, NOT_PERMITTED or SYSTEM, having changed nothing */
  addVip(vip: Required<VipSpec>): void;
  /** Takes it away again, unless it was there before or is gone. @throws SYSTEM */
  deleteVip(vip: Required<VipSpec>): void;
}

/** A machine that is not touched. */
export const NO_MACHINE: VipMachine = { addVip: () => {}, deleteVip: () => {} };

/** Carries out `vip.*`; hands on what is not about virtual addresses. */
export class VipDirector implements Director {
  readonly #director: Director;
  readonly #machine: VipMachine;
  readonly #vips = new Map<string, Required<VipSpec>>();

  constructor(director: Director, machine: VipMachine) {
    this.#director = director;
    this.#machine = machine;
  }

  /** Those that there are, in the order in which they were added. */
  get vips(): readonly Required<VipSpec>[] {
    return [...this.#vips.values()];
  }

  /** Also rejects with VIP_EXISTS and VIP_NOT_FOUND. */
  async execute<N extends CommandName>(name: N, args: Args<N>): Promise<Result<N>> {
    switch (name) {
      case 'vip.add':
        return this.#add(canonicalVip(readArgs('vip.add', args).vip)) as Result<N>;
      case 'vip.delete':
        return this.#delete(readArgs('vip.delete', args).vip) as Result<N>;
      case 'vip.list':
        readArgs('vip.list', args);
        return this.vips as Result<N>;
      default:
        return this.#director.execute(name, args);
    }
  }

  #add(vip: Required<VipSpec>): null {
    const id = vipId(vip);
    if (this.#vips.has(id)) throw new IpvsError('VIP_EXISTS', undefined, 'vip');
    if (vip.prefixLength > 32 && !vip.address.includes(':')) {
      throw new IpvsError(
        'INVALID',
        `${vip.prefixLength} is more than an IPv4 address has`,
        'vip.prefixLength',
      );
    }
    this.#machine.addVip(vip);
    this.#vips.set(id, vip);
    return null;
  }

  #delete(key: VipKey): null {
    const id = vipId(canonicalVip(key));
    const vip = this.#vips.get(id);
    if (vip === undefined) throw new IpvsError('VIP_NOT_FOUND', undefined, 'vip');
    this.#machine.deleteVip(vip);
    this.#vips.delete(id);
    return null;
  }
}
