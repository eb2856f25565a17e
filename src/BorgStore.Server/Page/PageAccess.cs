using System.Net;
using System.Text;
using BorgStore.Server.Access;
using BorgStore.Server.Observability;
using BorgStore.Server.Stores;
using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Page;

/// <summary>Who has logged in to the page.</summary>
/// <param name="User">The user; <see langword="null"/> on a server without users.</param>
/// <param name="IsAdmin">Whether he sees everything and may start verifications.</param>
/// <param name="Entry">What was stored about the user at the login.</param>
internal sealed record PageLogin(string? User, bool IsAdmin, string? Entry = null);

/// <summary>Who may see which stores on the page.</summary>
/// <param name="options">The options of the server.</param>
/// <param name="source">The stores of the server.</param>
/// <param name="logins">Checks logins.</param>
/// <param name="getRights">Returns the current rights.</param>
/// <param name="stores">The stores on the page.</param>
/// <param name="addresses">Finds the addresses of clients.</param>
/// <param name="events">Receives failed logins.</param>
internal sealed class PageAccess(
    ServerOptions options, IStoreSource source, ILoginCheck logins, Func<Rights> getRights, PageStores stores, ClientAddress addresses, RecentEvents events)
{
    // The page asks often, and listing a remote root takes time.
    private static readonly TimeSpan ListingLifetime = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private Task<IReadOnlyList<string>>? _listing;
    private long _listed;

    /// <summary>Whether the server has users, who have to log in.</summary>
    public bool HasUsers => options.HasUsers || options.Username is not null;

    /// <summary>Whether the server has many stores.</summary>
    public bool HasStores => options.Root is not null;

    /// <summary>Admits whoever is at this machine, on a server without users.</summary>
    /// <remarks>The name of the host is checked because another site can have a name with the address of this machine, and its pages could
    /// then read this one.</remarks>
    /// <exception cref="PageException">The request is from elsewhere.</exception>
    public static PageLogin AdmitWithoutLogin(HttpContext context)
    {
        var headers = context.Request.Headers;
        var isHere = context.Connection.RemoteIpAddress is { } address && IPAddress.IsLoopback(address)
            && !headers.ContainsKey("X-Forwarded-For") && !headers.ContainsKey("Forwarded")
            && IsLoopback(context.Request.Host.Host);
        return isHere ? new(null, IsAdmin: true)
            : throw new PageException(StatusCodes.Status403Forbidden,
                "This server has no users, so it shows this page only on the machine that it runs on, at http://localhost and its port. Give the server a user to see the page from elsewhere.");
    }

    /// <summary>Logs a user in by password or token, like a request for a store, so that failures are logged and slowed down like others.</summary>
    /// <exception cref="PageException">The user or the password is wrong, or there were too many failures.</exception>
    public async ValueTask<PageLogin> LogInAsync(HttpContext context, string user, string password)
    {
        var isValid = !user.Contains(':');
        context.Request.Headers.Authorization = isValid ? $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"))}" : "";
        var result = await logins.CheckAsync(context);
        if (result is { IsAllowed: true, User: { } name }) return Create(name);
        events.AddFailedLogin(addresses.Get(context), user);
        throw result.Status == StatusCodes.Status429TooManyRequests
            ? new PageException(result.Status, LoginResult.TooManyText)
            : new PageException(StatusCodes.Status401Unauthorized, "The user or the password is wrong.");
    }

    /// <summary>Logs a user in by the client certificate of the connection, if that is enough.</summary>
    public async ValueTask<PageLogin?> FindByCertificateAsync(HttpContext context)
        => context.Connection.ClientCertificate is not null && await logins.CheckAsync(context) is { IsAllowed: true, User: { } name } ? Create(name) : null;

    /// <summary>Returns what a user who logged in earlier may do now, or <see langword="null"/> if the user was removed or has another password.</summary>
    public PageLogin? Refresh(PageLogin login) => Create(login.User!) is var now && now.Entry == login.Entry ? now : null;

    /// <summary>Returns the stores that a user may see.</summary>
    /// <exception cref="PageException">The storage cannot be listed.</exception>
    public async ValueTask<IReadOnlyList<PageStore>> GetStoresAsync(PageLogin login, CancellationToken cancellationToken)
    {
        var names = await ListAsync(login, cancellationToken);
        stores.Keep(names.ToHashSet(StringComparer.Ordinal));
        var rights = getRights();
        return [.. names.Where(name => login.IsAdmin || rights.Find(login.User, name).IsVisible).Select(Get)];
    }

    private async ValueTask<IReadOnlyList<string>> ListAsync(PageLogin login, CancellationToken cancellationToken)
    {
        Task<IReadOnlyList<string>> listing;
        lock (_lock)
        {
            if (_listing is null || (_listing.IsCompleted && Environment.TickCount64 - _listed > ListingLifetime.TotalMilliseconds))
                (_listing, _listed) = (Task.Run(() => source.ListAsync(CancellationToken.None).AsTask(), CancellationToken.None), Environment.TickCount64);
            listing = _listing;
        }
        try
        {
            return await listing.WaitAsync(cancellationToken);
        }
        catch (StoreException e)
        {
            throw new PageException(StatusCodes.Status503ServiceUnavailable, login.IsAdmin ? e.Message : "The storage of this server cannot be reached.");
        }
    }

    private PageLogin Create(string user) => new(user, options.Root is null || getRights().IsAdmin(user), logins.FindEntry(user));

    private PageStore Get(string name)
        => stores.Get(name, HasStores ? name : StoreUrl.Redact(options.Backend), source.GetUrl(name), cancellationToken => source.GetQuotaAsync(name, cancellationToken));

    private static bool IsLoopback(string host)
        => host == "localhost" || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));
}
