/** Texts of a listing without what is different in each run. */

/**
 * A dump's text for comparison. Connection lists keep their heading; their rows are sorted, because the kernel's order follows
 * a random hash seed, and the time left is replaced by `MM:SS`. Other texts stay as they are.
 */
export function normaliseDump(command: string, text: string): string {
  const words = command.split(/\s+/);
  const connections =
    words.slice(1).some((w) => /^-[A-Za-z]*c[A-Za-z]*$/.test(w) || w === '--connection') ||
    command.includes('ip_vs_conn');
  if (!connections) return text;
  const isHead = (line: string): boolean => /^(IPVS conn|pro expire|Pro From)/.test(line);
  const lines = text.split('\n');
  const rows = lines
    .filter((line) => line !== '' && !isHead(line))
    .map((line) => line.replace(/^(\S+ +)\d\d:\d\d/, '$1MM:SS'))
    .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return `${[...lines.filter(isHead), ...rows].join('\n')}\n`;
}
