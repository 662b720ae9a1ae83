// What the service answers to: method, path, and who answers, with the parts of the path and the body.

/** Questionnaires. */
export function documentRoutes(handlers) {
  return [
    [
      "POST",
      /^\/documents\/([\w-]+)\/pages\/(\d+)\/duplicate$/,
      (id, position) => handlers.duplicatePage(id, Number(position)),
    ],
  ];
}

/** Accounts and sessions. */
export function sessionRoutes(handlers) {
  return [
    ["POST", /^\/accounts\/([\w-]+)$/, (name, { password }) => handlers.signUp(name, password)],
    ["POST", /^\/accounts\/([\w-]+)\/sessions$/, (name, { password }) => handlers.logIn(name, password)],
    ["GET", /^\/accounts\/([\w-]+)\/sessions$/, (name) => handlers.sessions(name)],
    ["DELETE", /^\/accounts\/([\w-]+)\/sessions$/, (name) => handlers.logOutEverywhere(name)],
  ];
}

/** Reports of another service. */
export function tokenRoutes(handlers) {
  return [["GET", /^\/report$/, () => handlers.report()]];
}
