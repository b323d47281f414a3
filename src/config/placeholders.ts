/**
 * Detects values that an MCP host should have expanded but did not: `${VAR}`, `${env:VAR}`, `{env:VAR}`,
 * `$VAR`, `$env:VAR`, `%VAR%`, `{{VAR}}`, and values that still carry the quotation marks of a shell or a
 * JSON file. No valid value of our variables looks like that.
 */

const anywhere = /\$\{[^}]*\}|\{env:[^}]*\}|\{\{[^}]*\}\}/i;
const whole = /^(?:\$(?:env:)?[a-z_]\w*|%[a-z_]\w*%)$/i;
const quoted = /^(["'`“‘]).*["'`”’]$/s;

/** What is wrong with `value`, as the predicate of the variable's name; never the value itself. */
function unexpandedProblem(value: string): string | undefined {
  const text = value.trim();
  if (anywhere.test(text) || whole.test(text)) {
    return 'holds a placeholder that the MCP host did not expand: write the value itself, or use the placeholder syntax of this host';
  }
  if (quoted.test(text)) return 'is in quotation marks: write the value without them';
  return undefined;
}

/**
 * `problems`, preceded by those of the variables `names` that the host did not expand. Other problems of
 * such a variable are dropped, because they are about the placeholder.
 */
export function withUnexpanded(
  problems: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): string[] {
  const unexpanded = names.flatMap((name) => {
    const problem = unexpandedProblem(environment[name] ?? '');
    return problem === undefined ? [] : [{ name, problem: `${name} ${problem}.` }];
  });
  return [
    ...unexpanded.map(({ problem }) => problem),
    ...problems.filter((problem) => !unexpanded.some(({ name }) => problem.includes(name))),
  ];
}
