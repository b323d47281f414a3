/** Functions of what is loaded by the first call of one of them. */

type Asynchronous<T> = {
  [Name in keyof T]: T[Name] extends (...given: never[]) => Promise<unknown> ? Name : never;
}[keyof T];

/** The functions `names` of what `load` resolves with. Each call rejects when `load` does. */
export function onDemand<T, Name extends Asynchronous<T>>(
  load: () => Promise<T>,
  ...names: readonly Name[]
): Pick<T, Name> {
  return Object.fromEntries(
    names.map((name) => [
      name,
      async (...given: unknown[]) =>
        ((await load())[name] as (...given: unknown[]) => Promise<unknown>)(...given),
    ]),
  ) as Pick<T, Name>;
}
