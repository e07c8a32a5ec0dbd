/** Runes everywhere; styles go to files, since the page's content-security policy allows no inline ones. */
export default {
  compilerOptions: { runes: true },
}
