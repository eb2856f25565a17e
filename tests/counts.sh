# Reads test results. Sourced by the scripts that run tests.

# counts FILE: prints how many tests in a TRX or NUnit file passed, failed and were skipped; nothing if there is no such file.
counts() {
  case $1 in
    *.trx) sed -nE 's/.*<Counters total="([0-9]+)" executed="([0-9]+)" passed="([0-9]+)" failed="([0-9]+)".*/\3 \4 \1 \2/p' "$1" 2> /dev/null |
      awk '{ print $1, $2, $3 - $4 }' ;;
    *) sed -nE 's/.*<test-results [^>]*total="([0-9]+)" errors="([0-9]+)" failures="([0-9]+)" not-run="([0-9]+)" [^>]*skipped="([0-9]+)".*/\1 \2 \3 \4 \5/p' "$1" 2> /dev/null |
      awk '{ print $1 - $2 - $3 - $4 - $5, $2 + $3, $4 + $5 }' ;;
  esac
}
