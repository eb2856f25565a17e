using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Access;

/// <summary>The last login by password on a connection. The next requests usually bring the same header, which then costs only a comparison.</summary>
/// <param name="header">The header, which has the password.</param>
/// <param name="user">The user.</param>
/// <param name="hash">The user's hash in the file then.</param>
internal sealed class ConnectionLogin(string header, string user, string hash)
{
    /// <summary>The user.</summary>
    public string User => user;

    /// <summary>The user's hash in the file then. The login is worth nothing once it has changed.</summary>
    public string Hash => hash;

    /// <summary>Returns the last login on the connection of a request, if it was with the same header.</summary>
    public static ConnectionLogin? Find(HttpContext context, string sent)
        => GetItems(context) is { } items && items.TryGetValue(typeof(ConnectionLogin), out var item) && item is ConnectionLogin last && last.Matches(sent) ? last : null;

    /// <summary>Remembers a login on the connection of a request.</summary>
    public static void Remember(HttpContext context, ConnectionLogin login)
    {
        if (GetItems(context) is { } items) items[typeof(ConnectionLogin)] = login;
    }

    private static IDictionary<object, object?>? GetItems(HttpContext context) => context.Features.Get<IConnectionItemsFeature>()?.Items;

    // Behind a proxy the next request may come from somebody else, to whom the time of the comparison must say nothing.
    private bool Matches(string sent)
        => CryptographicOperations.FixedTimeEquals(MemoryMarshal.AsBytes(header.AsSpan()), MemoryMarshal.AsBytes(sent.AsSpan()));
}
