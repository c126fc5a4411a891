/** Who may do what: `full` reads everything, `writer` cannot decrypt page data or log content. */
export type Role = 'full' | 'writer';
