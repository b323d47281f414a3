/**
 * Values that an MCP host was meant to replace and did not: `${VAR}`, `${env:VAR}`, `{env:VAR}`,
 * `$VAR`, `$env:VAR`, `%VAR%`, `{{VAR}}`, and values that still carry the quotation marks of a shell
 * or a JSON file. None of our variables can hold such text legitimately.
 */

const anywhere = /\$\{[^}]*\}|\{env:[^}]*\}|\{\{[^}]*\}\}/i;
const whole = /^(?:\$(?:env:)?[a-z_]\w*|%[a-z_]\w*%)$/i;
const quoted = /^(["'`“‘]).*["'`”’]$/s;

/** What is wrong with `value`, in words that follow the variable's name; never the value itself. */
export function unexpandedProblem(value: string): string | undefined {
  const text = value.trim();
  if (anywhere.test(text) || whole.test(text)) {
    return 'holds a placeholder that the MCP host did not expand: write the value itself, or use the placeholder syntax of this host';
  }
  if (quoted.test(text)) return 'is in quotation marks: write the value without them';
  return undefined;
}
