/** Defence strategies (`update_defense_level`, `ip_vs_todrop`): what is given up when memory runs short. */
import type { NetnsIpvs } from './netns-ipvs.js';

/** Brings the modes up to date: each second, and when one was changed by hand. */
export function updateDefenceLevel(ipvs: NetnsIpvs): void {
  const values = ipvs.sysctls.values;
  const available = ipvs.net.host.availablePages();
  const threshold = Math.max(values.amemthresh, 0);
  const short = available < threshold;
  // 1 is armed and 2 at work: memory moves them into each other
  for (const name of ['drop_entry', 'drop_packet', 'secure_tcp'] as const) {
    if (values[name] === 1 && short) values[name] = 2;
    else if (values[name] === 2 && !short) values[name] = 1;
  }
  ipvs.dropentry = values.drop_entry > 1;
  if (values.drop_packet === 3) ipvs.dropRate = values.am_droprate;
  else if (values.drop_packet === 2) {
    // counting begins anew, so that few packets a second are all spared
    ipvs.dropRate = ipvs.dropCounter = Math.floor(threshold / (threshold - available));
  } else ipvs.dropRate = 0;
  if (ipvs.dropRate > 0 && ipvs.dropCounter === 0) ipvs.dropCounter = 1;
  for (const pd of ipvs.protoData) pd?.pp.timeoutChange(pd, values.secure_tcp > 1);
}

/** Whether the packet that would open a connection now is one of those to drop. */
export function toDrop(ipvs: NetnsIpvs): boolean {
  if (ipvs.dropRate === 0) return false;
  ipvs.dropCounter--;
  if (ipvs.dropCounter > 0) return false;
  ipvs.dropCounter = ipvs.dropRate;
  ipvs.dropped++;
  return true;
}
