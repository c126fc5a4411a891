/** Something a person should know although the command goes on; `hint` is the exact next step. */
export interface Warning {
  readonly message: string;
  readonly hint: string;
}
