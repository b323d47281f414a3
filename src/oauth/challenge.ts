/**
 * Reads WWW-Authenticate by the grammar of RFC 9110 §11.6.1, in one pass, so that text inside a quoted string
 * can never pass for a parameter. Never throws. Parsing stops at the first malformed challenge; if that is a
 * Bearer challenge, it is kept without its parameters.
 */
export interface Challenge {
  /** Lower case. */
  readonly scheme: string;
  readonly token68?: string;
  /** Names in lower case, quotes undone. */
  readonly parameters: ReadonlyMap<string, string>;
}

const token = /[!#$%&'*+\-.^_`|~\w]+/y;
const token68 = /[\w\-.~+/]+=*(?=[ \t]*(?:,|$))/y;
const quotedString = /"((?:[^"\\]|\\.)*)"/sy;
/**
 * Deviation from §11.2, where a value is a token or quoted: servers write this one's URL (RFC 9728 §5.1) as
 * it is. Ambiguous characters (commas, semicolons, quotes) are excluded.
 */
const bareUrl = /[\w\-.~:/?#[\]@!$&()*+=%]+/y;
const separators = /[ \t,]*/y;
const spaces = /[ \t]*/y;
const equals = /[ \t]*=[ \t]*/y;
const endOfItem = /[ \t]*(?:,|$)/y;

/** Several fields may be given joined by commas, as RFC 9110 §5.3 allows. */
export function parseChallenges(field: string): Challenge[] {
  const challenges: Challenge[] = [];
  let at = 0;
  /** Matches `pattern` at the current position and moves past the match. */
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(field);
    if (match) at = pattern.lastIndex;
    return match;
  };
  const peek = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    return pattern.test(field);
  };

  /** Reads one auth-param; returns `undefined`, without moving, when there is none. */
  const takeParameter = (): [string, string] | 'malformed' | undefined => {
    const start = at;
    const name = take(token)?.[0].toLowerCase();
    if (name === undefined) return undefined;
    if (!take(equals)) {
      at = start;
      return undefined;
    }
    const quoted = take(quotedString);
    if (quoted) return [name, (quoted[1] ?? '').replace(/\\(.)/gs, '$1')];
    const value = take(name === 'resource_metadata' ? bareUrl : token)?.[0];
    return value === undefined ? 'malformed' : [name, value];
  };

  /** Its parameters are not trusted, but knowing that a Bearer token is wanted does no harm. */
  const bareBearer = (scheme: string): Challenge[] =>
    scheme === 'bearer' ? [...challenges, { scheme, parameters: new Map() }] : challenges;

  for (;;) {
    take(separators);
    if (at >= field.length) return challenges;
    const scheme = take(token)?.[0].toLowerCase();
    if (scheme === undefined) return challenges;
    const parameters = new Map<string, string>();
    if (!peek(endOfItem)) {
      // After the scheme come a space and then either one token68 or parameters.
      if (!take(spaces)?.[0]) return bareBearer(scheme);
      const token68Value = take(token68)?.[0];
      if (token68Value !== undefined) {
        challenges.push({ scheme, token68: token68Value, parameters });
        continue;
      }
      for (let first = true; ; first = false) {
        const parameter = takeParameter();
        if (parameter === undefined && !first) break;
        // A parameter must not occur twice (§11.2): readers would disagree on which one counts.
        if (
          parameter === undefined ||
          parameter === 'malformed' ||
          parameters.has(parameter[0]) ||
          !peek(endOfItem)
        ) {
          return bareBearer(scheme);
        }
        parameters.set(...parameter);
        take(separators);
      }
    }
    challenges.push({ scheme, parameters });
  }
}
