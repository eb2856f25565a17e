using System.Globalization;
using BorgStore.Hashing;

namespace BorgStore.Backends.Sftp.Hashing;

/// <summary>The programs that compute hashes on other machines, and the POSIX shell script to run them.</summary>
internal static class HashPrograms
{
    /// <summary>The answer of a working shell.</summary>
    public const string Ready = "borgstore-ready";

    /// <summary>The answer if no program knows the algorithm.</summary>
    public const string NoProgram = "?";

    private const string Failed = "!";

    /// <summary>Returns a line of script that prints <c>$n</c>, the size and the hash of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="algorithm">The algorithm.</param>
    public static string Script(string path, HashKind algorithm)
    {
        // Runs the first program that exists; if none does, exits with a shell's status for a missing program.
        var choice = string.Concat(ProgramsFor(algorithm).Select((program, i) =>
            $"{(i == 0 ? "if" : "elif")} command -v {program[..program.IndexOfAny([' ', ';'])]} >/dev/null 2>&1; then {program} "));
        var file = Quote(path);
        return $"( h=$( {choice}else exit 127; fi <{file} 2>/dev/null ); case $? in "
            + $"0) echo \"$n $(wc -c <{file}) $h\";; 127) echo \"$n {NoProgram}\";; *) echo \"$n {Failed}\";; esac ) &";
    }

    /// <summary>Parses the output of the script.</summary>
    /// <param name="answer">The output without its number.</param>
    /// <param name="algorithm">The algorithm.</param>
    public static (string Digest, long Size)? ParseOutput(string answer, HashKind algorithm)
    {
        var words = answer.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words.Length >= 2 && long.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out var size)
            && words[1].Length == 2 * algorithm.DigestSize && words[1].All(char.IsAsciiHexDigit)
            ? (words[1].ToLowerInvariant(), size)
            : null;
    }

    /// <summary>Quotes a word for a shell.</summary>
    /// <param name="word">The word.</param>
    internal static string Quote(string word) => $"'{word.Replace("'", @"'\''")}'";

    private static string[] ProgramsFor(HashKind algorithm) => algorithm.Name switch
    {
        "md5" => ["md5sum;", "md5 -q;", "openssl dgst -md5 -r;"],
        "blake2b" => ["b2sum;", "openssl dgst -blake2b512 -r;"],
        "blake2s" => ["openssl dgst -blake2s256 -r;"],
        "blake3" => ["b3sum;"],
        ['s', 'h', 'a', '3', '_', .. var bits] => [$"openssl dgst -sha3-{bits} -r;"],
        ['s', 'h', 'a', .. var bits] => [$"sha{bits}sum;", $"shasum -a {bits};", $"openssl dgst -sha{bits} -r;"],
        _ => ["false;"],
    };
}
