namespace BorgStore.Backends.Ssh;

/// <summary>The meaning of ssh's error messages, for everything that uses ssh.</summary>
/// <param name="Error">The kind of error.</param>
/// <param name="Message">What was tried, why it failed, what to do.</param>
/// <param name="WasRejected">Whether the server had no room for another login, so that a retry a moment later may succeed.</param>
internal sealed record SshFailure(StoreError Error, string Message, bool WasRejected = false)
{
    private const int MaxLines = 8;

    /// <summary>Says that a server has no SFTP, and what to do.</summary>
    public const string NoSftp = "The server does not allow SFTP; ask its administrator to enable 'Subsystem sftp'.";

    /// <summary>Says why a server may have closed a connection before a login.</summary>
    public const string TooManyLogins = "The server rejected the login, perhaps because there were too many at once (MaxStartups of sshd).";

    /// <summary>Says what to do about a host that is not found.</summary>
    public const string UnknownHost = "Check the name of the host.";

    private static readonly (string Words, StoreError Error, string Advice)[] Known =
    [
        ("REMOTE HOST IDENTIFICATION HAS CHANGED", StoreError.AuthenticationFailed,
            "The server presented another host key than the known one. Find out why before you continue; then remove the old key with 'ssh-keygen -R'."),
        ("Host key verification failed", StoreError.AuthenticationFailed,
            "The server's host key is not known. Connect once with ssh, compare the fingerprint and accept it."),
        ("Permission denied (", StoreError.AuthenticationFailed, "Log in once with ssh to see what it needs; BorgStore cannot prompt for a password."),
        ("Too many authentication failures", StoreError.AuthenticationFailed, "Specify the right key with IdentityFile and IdentitiesOnly in ~/.ssh/config."),
        ("no matching host key type", StoreError.AuthenticationFailed, "Client and server have no host key algorithm in common."),
        ("subsystem request failed", StoreError.NotSupported, NoSftp),
        ("Could not resolve hostname", StoreError.ConnectionLost, UnknownHost),
        ("Bad configuration option", StoreError.InvalidArgument, "Correct the configuration of ssh."),
        (ExchangeIdentification, StoreError.ConnectionLost, TooManyLogins),
    ];

    // In older versions the name starts with "ssh_", in newer ones with "kex_".
    private const string ExchangeIdentification = "_exchange_identification";

    /// <summary>Interprets the messages of ssh.</summary>
    /// <param name="server">The server.</param>
    /// <param name="words">The standard error of ssh.</param>
    /// <param name="status">Its exit status; <see langword="null"/> if it is still running.</param>
    /// <param name="hadHandshake">Whether the server had answered before.</param>
    public static SshFailure Explain(string server, string words, int? status, bool hadHandshake)
    {
        var said = Shorten(words);
        if (said.Length == 0)
            said = status is null or 0 ? "the server ended it" : $"ssh ended with status {status} and said nothing";
        else
            said = $"ssh says: {said}";

        var sentence = StoreErrorText.ToSentence($"{Describe(server, hadHandshake)}; {said}");
        foreach (var (phrase, error, advice) in Known)
        {
            if (words.Contains(phrase, StringComparison.OrdinalIgnoreCase)) return new(error, $"{sentence} {advice}", phrase == ExchangeIdentification && !hadHandshake);
        }
        return new(StoreError.ConnectionLost, sentence);
    }

    /// <summary>Returns the beginning of a message about a connection.</summary>
    /// <param name="server">The server.</param>
    /// <param name="hadHandshake">Whether the server had answered before.</param>
    public static string Describe(string server, bool hadHandshake)
        => hadHandshake ? $"The connection to '{server}' was lost" : $"No connection to '{server}' could be established";

    // Removes the frame of at signs around a changed host key, and shortens a server's long greeting.
    private static string Shorten(string words)
    {
        var lines = words.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Where(line => line.Any(c => c != '@')).Select(line => line.Trim('@', ' ')).ToList();
        return string.Join(" ", lines.Skip(Math.Max(0, lines.Count - MaxLines)));
    }
}
