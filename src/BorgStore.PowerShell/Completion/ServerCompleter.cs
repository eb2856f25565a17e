using System.Globalization;
using System.Net;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Completion;

/// <summary>Completes the numbers of the running servers.</summary>
public sealed class ServerCompleter : Completer
{
    /// <inheritdoc/>
    private protected override IEnumerable<string> Complete(CompletionRequest request, CancellationToken cancellationToken)
        => StoreSession.Current.Servers.Running.Select(server => server.Id.ToString(CultureInfo.InvariantCulture))
            .Where(id => id.StartsWith(request.Word, StringComparison.Ordinal));
}

/// <summary>Completes addresses that every machine can listen on.</summary>
public sealed class ListenAddressCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words
        => [.. new[] { IPAddress.Loopback, IPAddress.IPv6Loopback, IPAddress.Any, IPAddress.IPv6Any }.Select(address => address.ToString()), "localhost"];
}
