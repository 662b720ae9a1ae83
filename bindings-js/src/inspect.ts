/**
 * What a log or debugger of Node shows of an object: its name and what concerns its user, nothing of its inside.
 *
 * @internal
 */
export function inspected(name: string, fields: object, options: unknown, inspect: Inspect | undefined): unknown {
  return inspect === undefined ? fields : `${name} ${inspect(fields, options)}`;
}

/**
 * Node passes it along; other hosts that know the symbol may not.
 *
 * @internal
 */
export type Inspect = (value: unknown, options: unknown) => string;
