// In a file of its own, since an engine without the syntax refuses the whole file.

/** Locks by declarations; answers the number of guards held inside. */
export async function declared(space) {
  using one = await space.lock("a");
  await using other = await space.lock("b");
  return [one, other].filter((guard) => guard.held).length;
}
