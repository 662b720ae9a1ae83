// Whether money was lost or made by what several threads did with some accounts.

/**
 * What is wrong, in words; nothing where all is well. `transfers`: those that committed, `{ from, to, amount }`; `audits`: the
 * balances that transactions or scans saw at one instant; `initial` and `final`: the balances before and after.
 */
export function faultsOfMoney({ initial, transfers, audits, final }) {
  const total = sum(initial);
  const faults = [];
  for (const [index, audit] of audits.entries()) {
    if (sum(audit) !== total) faults.push(`audit ${index} saw ${sum(audit)} of ${total}`);
  }
  const due = [...initial];
  for (const { from, to, amount } of transfers) {
    due[from] -= amount;
    due[to] += amount;
  }
  for (const [account, balance] of final.entries()) {
    if (balance !== due[account]) faults.push(`account ${account} has ${balance}, due are ${due[account]}`);
    if (balance < 0) faults.push(`account ${account} has ${balance}`);
  }
  return faults;
}

const sum = (balances) => balances.reduce((total, balance) => total + balance, 0);
