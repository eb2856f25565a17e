using System.Globalization;

namespace BorgStore.Backends.Ssh;

/// <summary>A server, as ssh is told to reach it.</summary>
/// <param name="Host">A name, an alias in <c>~/.ssh/config</c>, or an address.</param>
/// <param name="User">The user; <see langword="null"/> to leave it to ssh.</param>
/// <param name="Port">The port; <see langword="null"/> to leave it to ssh.</param>
internal sealed record SshTarget(string Host, string? User, int? Port)
{
    /// <summary>How long ssh waits for the server to accept the connection.</summary>
    public required TimeSpan ConnectTimeout { get; init; }

    /// <summary>How long the server may be silent before ssh gives up the connection.</summary>
    public required TimeSpan SilenceTimeout { get; init; }

    /// <summary>The host and port for messages.</summary>
    public string Server => Port is { } port ? string.Create(CultureInfo.InvariantCulture, $"{Host}:{port}") : Host;
}
