/** Functions of what is loaded by the first call of one of them. */

type Asynchronous<T> = {
  [Name in keyof T]: T[Name] extends (...given: never[]) => Promise<unknown> ? Name : never;
}[keyof T];

/**
 * The functions `names` of what `load` resolves with. Each call rejects when `load` does. Once it is there,
 * they are called directly: each wait takes its share of a short request.
 */
export function onDemand<T, Name extends Asynchronous<T>>(
  load: () => Promise<T>,
  ...names: readonly Name[]
): Pick<T, Name> {
  let loaded: T | undefined;
  const call = (name: Name, given: unknown[], of: T) =>
    (of[name] as (...given: unknown[]) => Promise<unknown>)(...given);
  const loadFirst = async (name: Name, given: unknown[]) => {
    loaded = await load();
    return call(name, given, loaded);
  };
  return Object.fromEntries(
    names.map((name) => [
      name,
      (...given: unknown[]) =>
        loaded === undefined ? loadFirst(name, given) : call(name, given, loaded),
    ]),
  ) as Pick<T, Name>;
}
