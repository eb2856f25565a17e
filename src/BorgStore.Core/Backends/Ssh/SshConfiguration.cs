using System.Globalization;

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
            string[] lines;
            try
            {
                lines = (await reader.ReadToEndAsync().WaitAsync(target.ConnectTimeout).ConfigureAwait(false)).Split('\n', StringSplitOptions.TrimEntries);
            }
            catch (TimeoutException e)
            {
                // Such as a command of "Match exec" that waits for a network.
                ssh.Kill();
                throw new StoreException(StoreError.Timeout, string.Create(CultureInfo.InvariantCulture,
                    $"{SshFailure.Describe(target.Server, hadHandshake: false)}; ssh -G did not print its configuration in {target.ConnectTimeout.TotalSeconds} seconds."), innerException: e);
            }
            var isOpenSsh = await ssh.WaitAsync(TimeSpan.FromSeconds(2)).ConfigureAwait(false) is null or 0 && ValueOf("hostname").Length > 0;
            if (!isOpenSsh) return new(false, []);
            return new(!OperatingSystem.IsWindows() && (ValueOf("controlpath") is "" or "none"), CipherPreference.Prefer(ValueOf("ciphers")));

            string ValueOf(string option)
                => lines.FirstOrDefault(l => l.StartsWith(option + " ", StringComparison.Ordinal))?[(option.Length + 1)..] ?? "";
        }
    }
}

/// <summary>Reads the configuration for a server when it is first needed, and again after a failure.</summary>
/// <param name="target">The server.</param>
/// <param name="options">More options for ssh, each <c>name=value</c>.</param>
internal sealed class SshConfigurationReader(SshTarget target, params string[] options)
{
    private Task<SshConfiguration>? _reading;

    /// <summary>Returns the configuration.</summary>
    /// <param name="cancellationToken">A token to cancel the wait; the reading goes on for others who wait.</param>
    public async ValueTask<SshConfiguration> ReadAsync(CancellationToken cancellationToken)
    {
        if (_reading is null or { IsFaulted: true }) _reading = SshConfiguration.ReadAsync(target, options);
        return await _reading.WaitAsync(cancellationToken).ConfigureAwait(false);
    }
}
