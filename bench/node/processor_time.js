/**
 * The processor's time that this process has used, in nanoseconds. What other programs do meanwhile is not in it; what
 * the engine does beside the script (collecting garbage, compiling) is.
 */
export function processorTime() {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}
