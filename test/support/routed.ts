/** Takes one from the TTL or hop limit of an IP packet as a router does. */
export function routed(ip: Uint8Array): void {
  if (ip[0]! >>> 4 === 6) {
    ip[7]!--;
    return;
  }
  ip[8]!--;
  const sum = ((ip[10]! << 8) | ip[11]!) + 0x100;
  const check = sum >= 0xffff ? sum - 0xffff : sum;
  ip[10] = check >>> 8;
  ip[11] = check & 255;
}
