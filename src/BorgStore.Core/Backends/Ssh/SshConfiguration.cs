
namespace BorgStore.Backends.Ssh;

/// <summary>The user's ssh configuration for a server, as <c>ssh -G</c> prints it.</summary>
/// <param name="MayShare">Whether we may set up connection sharing for several channels. A user who configured it keeps it: the
/// shared connection may be the only one that is authenticated.</param>
/// <param name="CipherOptions">The option for ssh that prefers the fastest cipher, or none to keep the order.</param>
internal sealed record SshConfiguration(bool MayShare, string[] CipherOptions)
{
    /// <summary>Asks ssh; other programs may not answer, and get the defaults.</summary>
    /// <param name="target">The server.</param>
    /// <param name="options">More options for ssh, each <c>name=value</c>.</param>
    public static async Task<SshConfiguration> ReadAsync(SshTarget target, params string[] options)
    {
        var ssh = SshCommand.Start(SshCommand.ForConfiguration(target, options));
        await using (ssh.ConfigureAwait(false))
        {
            ssh.CloseInput();
            using var reader = new StreamReader(ssh.Stream, leaveOpen: true);
            var lines = (await reader.ReadToEndAsync().ConfigureAwait(false)).Split('\n', StringSplitOptions.TrimEntries);
            var isOpenSsh = await ssh.WaitAsync(TimeSpan.FromSeconds(2)).ConfigureAwait(false) == 0 && ValueOf("hostname").Length > 0;
            if (!isOpenSsh) return new(false, []);
            return new(!OperatingSystem.IsWindows() && (ValueOf("controlpath") is "" or "none"), CipherPreference.Prefer(ValueOf("ciphers")));

            string ValueOf(string option)
                => lines.FirstOrDefault(l => l.StartsWith(option + " ", StringComparison.Ordinal))?[(option.Length + 1)..] ?? "";
        }
    }
}
