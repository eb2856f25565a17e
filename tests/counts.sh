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

# failures FILE: prints the name of each test in a TRX or NUnit file that failed, and the start of its message.
failures() {
  awk '
    function text(s) { gsub(/&lt;/, "<", s); gsub(/&gt;/, ">", s); gsub(/&quot;/, "\"", s); gsub(/&#x[AD];/, " ", s); gsub(/&amp;/, "\\&", s); return s }
    /<UnitTestResult / || /<test-case / {
      failed = /outcome="Failed"/ || /result="(Failure|Error)"/
      if (failed && match($0, / (testName|name)="[^"]*"/)) { name = substr($0, RSTART, RLENGTH); sub(/^[^"]*"/, "", name); print "  " text(substr(name, 1, length(name) - 1)) }
    }
    failed && match(tolower($0), /<message>/) { lines = 3; $0 = substr($0, RSTART + 9) }
    lines > 0 { lines--; end = sub(/<\/[Mm]essage>.*/, ""); print "      " text(substr($0, 1, 300)); if (end) lines = failed = 0 }
  ' "$1" 2> /dev/null
}
