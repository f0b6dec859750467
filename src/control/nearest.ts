/** What somebody meant who has misspelt a name. */

/** Names that are longer are no misspelt ones; what comes from outside may have any length. */
const LONGEST = 32;

/** The one of `names` that `word` differs least from, by two letters at most whatever their case; undefined when there is none. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  if (word.length > LONGEST) return undefined;
  let best: string | undefined;
  let least = Math.min(2, Math.floor(word.length / 3));
  for (const name of names) {
    const found = distance(word.toLowerCase(), name.toLowerCase());
    if (found > least || (found === least && best !== undefined)) continue;
    best = name;
    least = found;
  }
  return best;
}

/** How many letters are to be put in, left out or changed to make one of the other (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
