/** The browsers that the environment's `BROWSER` names. */
export interface Opener {
  readonly command: string;
  args(url: string): string[];
  /** Without a screen it would find a text browser at best, and that one no terminal. */
  readonly needsDisplay: boolean;
  readonly detached: boolean;
}

/**
 * `BROWSER` as xdg-open and others read it: commands with a colon between them, each with `%s` for
 * the URL, or with the URL put last. On Windows, where paths have colons and blanks, one command.
 */
export function namedBrowsers(value: string, platform: NodeJS.Platform): Opener[] {
  if (platform === 'win32') return [{ ...plain(value), detached: false }];
  return value
    .split(':')
    .map((command) => command.trim().split(/\s+/))
    .flatMap(([command, ...rest]): Opener[] => {
      if (!command) return [];
      return [
        {
          ...plain(command),
          args: (url) =>
            rest.some((part) => part.includes('%s'))
              ? rest.map((part) => part.replaceAll('%s', () => url))
              : [...rest, url],
        },
      ];
    });
}

function plain(command: string): Opener {
  return { command, args: (url) => [url], needsDisplay: false, detached: true };
}
