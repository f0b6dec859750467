/** Parts of a configuration as they are written: what has its default is left out. */
import { checkEntry } from '../../control/check-spec.js';
import type { ConfiguredDest, ServiceKey, ServiceSpec, VipSpec } from '../../control/command.js';
import { familyOf, keyOf } from '../../control/fields.js';
import { DEFAULT_POLICY, type HealthPolicy } from '../../control/health-fields.js';
import { destOptionsOf, serviceOptionsOf } from '../../control/option-fields.js';

/** A thing of a configuration by its fields, in the order in which they are written. */
export type Entry = Readonly<Record<string, unknown>>;

/** Sysctls: numbers as numbers. */
export function sysctlEntry(sysctl: Readonly<Record<string, string>>): Entry {
  return Object.fromEntries(Object.entries(sysctl).map(([name, value]) => [name, sysctlScalar(value)]));
}

/** A sysctl's value. */
export function sysctlScalar(value: string): string | number {
  return /^(0|-?[1-9]\d{0,14})$/.test(value) ? Number(value) : value;
}

/** A virtual address. */
export function vipEntry({ address, interface: name, prefixLength }: VipSpec): Entry {
  const whole = address.includes(':') ? 128 : 32;
  return { address, interface: name, ...(prefixLength !== whole && { prefixLength }) };
}

/** A service without its real servers. */
export function serviceEntry(service: ServiceSpec): Entry {
  const { scheduler, flags, timeout, netmask, pe } = service;
  const six = familyOf(service) === 'inet6';
  return {
    ...identityEntry(service),
    scheduler,
    ...(flags.length > 0 && { flags }),
    ...(timeout !== (flags.includes('persistent') ? 360 : 0) && { timeout }),
    ...(netmask !== (six ? '128' : '255.255.255.255') && { netmask: six ? Number(netmask) : netmask }),
    ...(pe !== undefined && { pe }),
    ...serviceOptionsOf(service),
  };
}

/** IPv4 is the family of a mark of which nothing is said. */
function identityEntry(service: ServiceKey): Entry {
  if (!('fwmark' in service)) return { ...keyOf(service) };
  const { fwmark, family } = service;
  return family === 'inet' ? { fwmark } : { fwmark, family };
}

/** What a service does about the health of its servers. */
export function healthEntry(health: HealthPolicy): Entry {
  const { checks, sorryServer } = health;
  const usual = new Map<string, unknown>(Object.entries(DEFAULT_POLICY));
  const settings = (['quorum', 'hysteresis', 'onFailure', 'slowStart'] as const).filter(
    (name) => health[name] !== usual.get(name),
  );
  return {
    ...(checks.length > 0 && { checks: checks.map(checkEntry) }),
    ...Object.fromEntries(settings.map((name) => [name, health[name]])),
    ...(sorryServer !== undefined && { sorryServer: destEntry(sorryServer) }),
  };
}

/** A real server. */
export function destEntry(dest: ConfiguredDest): Entry {
  const { address, port, forward, weight, uThreshold, lThreshold, tunType, tunPort, tunCsum, checks } = dest;
  return {
    address,
    port,
    forward,
    ...(weight !== 1 && { weight }),
    ...(uThreshold !== 0 && { uThreshold }),
    ...(lThreshold !== 0 && { lThreshold }),
    ...((tunType ?? 'ipip') !== 'ipip' && { tunType }),
    ...((tunPort ?? 0) !== 0 && { tunPort }),
    ...((tunCsum ?? 'nocsum') !== 'nocsum' && { tunCsum }),
    ...(checks !== undefined && { checks: checks.map(checkEntry) }),
    ...destOptionsOf(dest),
  };
}
