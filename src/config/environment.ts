/** The environment variables, handed in so that tests own them. */
export type Environment = Readonly<Record<string, string | undefined>>;
