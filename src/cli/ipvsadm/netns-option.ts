/** `--netns`: the option of ours that the real ipvsadm does not have. */

/** The words of a command line without the option, and its value. */
export interface Chosen {
  readonly netns?: string;
  readonly words: readonly string[];
}

/** Takes `--netns NAME` or `--netns=NAME` out of a command line; the last one counts. Without a value it stays, for the parser to refuse. */
export function takeNetns(argv: readonly string[]): Chosen {
  const words: string[] = [];
  let netns: string | undefined;
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (word === '--netns' && i + 1 < argv.length) netns = argv[++i]!;
    else if (word.startsWith('--netns=')) netns = word.slice('--netns='.length);
    else words.push(word);
  }
  return { words, ...(netns !== undefined && { netns }) };
}
