/** The browsers that the environment's `BROWSER` names. */
export interface Opener {
  readonly command: string;
  args(url: string): string[];
  /** Without a display it would at best find a text browser, which would have no terminal. */
  readonly needsDisplay: boolean;
  readonly detached: boolean;
}

/**
 * Parses `BROWSER` as xdg-open and others do: commands separated by colons, each with `%s` for the URL or
 * the URL appended. On Windows, where paths contain colons and spaces, it is one command.
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
