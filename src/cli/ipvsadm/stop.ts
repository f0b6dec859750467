/** How a command line ends before its end: ipvsadm gives up either on the line or, with `-R`, on all further lines too. */

/** Ends a command line. Not a failure of this program: what the user is told, and the exit status. */
export class Stop extends Error {
  override readonly name = 'Stop';
  /** Exit status, 0..255. */
  readonly status: number;
  readonly stream: 'stdout' | 'stderr';
  /** True when the whole program ends, false when `-R` goes on with the next line. */
  readonly final: boolean;

  /** @param text without the newline at its end. */
  constructor(status: number, text: string, final: boolean, stream: 'stdout' | 'stderr' = 'stderr') {
    super(text);
    this.status = status;
    this.stream = stream;
    this.final = final;
  }
}

/** The command line is wrong: ends the program with status 2. */
export function wrong(text: string): Stop {
  return new Stop(2, text, true);
}

/** The line failed, other lines of `-R` may still succeed: status 255. */
export function failed(text: string): Stop {
  return new Stop(255, text, false);
}

/** There is no command to be seen: ends the program with status 255. */
export function tryHelp(): Stop {
  return new Stop(255, "Try `ipvsadm -h' or 'ipvsadm --help' for more information.", true);
}

/** Help or version was asked for: ends the program with status 0. */
export function told(text: string): Stop {
  return new Stop(0, text, true, 'stdout');
}
