using System.Collections.Concurrent;
using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;

namespace BorgStore.Commands;

/// <summary>The stores of one runspace: those that are open, and those named by a URL; and its servers.</summary>
internal sealed class StoreSession
{
    private static readonly TimeSpan LongestClosing = TimeSpan.FromSeconds(10);
    private static readonly ConditionalWeakTable<Runspace, StoreSession> Sessions = [];
    private readonly object _lock = new();
    private readonly List<BorgStoreInfo> _open = [];
    private readonly Dictionary<string, UrlConnection> _named = [];

    private StoreSession() => Servers = new(Warnings);

    /// <summary>What went wrong in open stores without failing an operation. Stores tell it from any thread, and the next cmdlet hands
    /// it on.</summary>
    public ConcurrentQueue<string> Warnings { get; } = new();

    /// <summary>The servers that were started.</summary>
    public ServerList Servers { get; }

    /// <summary>The session of the runspace that this thread works for.</summary>
    public static StoreSession Current => Sessions.GetValue(Runspace.DefaultRunspace, static runspace =>
    {
        var session = new StoreSession();
        runspace.StateChanged += (_, e) =>
        {
            if (e.RunspaceStateInfo.State is RunspaceState.Closing or RunspaceState.Closed or RunspaceState.Broken) session.CloseAll();
        };
        return session;
    });

    /// <summary>The open stores, in the order in which they were opened.</summary>
    public IReadOnlyList<BorgStoreInfo> OpenStores
    {
        get
        {
            lock (_lock)
            {
                _open.RemoveAll(store => !store.IsOpen);
                return [.. _open];
            }
        }
    }

    /// <summary>Takes in a store that was just opened.</summary>
    public BorgStoreInfo Add(Store store, StoreOptions options, bool isDefault)
    {
        var info = new BorgStoreInfo(new(store, options)) { IsDefault = isDefault };
        lock (_lock)
        {
            if (isDefault) _open.ForEach(other => other.IsDefault = false);
            _open.Add(info);
        }
        ForgetLayout(options.Url);
        return info;
    }

    /// <summary>Forgets what is known of the layout of a store, which something may change now.</summary>
    public void ForgetLayout(string url)
    {
        lock (_lock)
        {
            foreach (var (named, connection) in _named)
            {
                if (SameUrl(url, named)) connection.ForgetLayout();
            }
        }
    }

    /// <summary>Closes a store.</summary>
    public async Task CloseAsync(BorgStoreInfo store)
    {
        await store.Connection.Store.DisposeAsync();
        lock (_lock) _open.Remove(store);
        ForgetLayout(store.Connection.Options.Url);
    }

    /// <summary>Closes all stores, then the servers, which may serve them, and waits for both within reason.</summary>
    public void CloseAll()
    {
        try
        {
            Task.WaitAll([.. OpenStores.Select(store => Task.Run(() => CloseAsync(store)))], LongestClosing);
            Servers.StopAll(LongestClosing);
        }
        catch (AggregateException)
        {
            // The runspace is going: nobody is there to be told.
        }
    }

    /// <summary>Finds the store that <c>-Store</c> means; without one, the only store that is open or the default one.</summary>
    public StoreConnection Find(StoreReference? reference)
    {
        if (reference is null) return FindOnly().Connection;
        if (reference.Connection is { } connection) return FindOpenAgain(connection);
        var url = reference.Url!;
        if (FindOpen(url) is { } open) return open;
        lock (_lock)
        {
            if (!_named.TryGetValue(url, out var named)) _named[url] = named = new(new(url));
            return named;
        }
    }

    /// <summary>The store of this URL that was opened last.</summary>
    public OpenConnection? FindOpen(string url) => FindAllOpen(url) is [.., var last] ? last.Connection : null;

    /// <summary>All open stores of this URL.</summary>
    public IReadOnlyList<BorgStoreInfo> FindAllOpen(string url)
        => [.. OpenStores.Where(store => SameUrl(store.Connection.Options.Url, url))];

    /// <summary>The only store that is open, or the default one.</summary>
    /// <param name="parameter">The parameter by which a user of the cmdlet names a store instead.</param>
    public BorgStoreInfo FindOnly(string parameter = "-Store")
    {
        var open = OpenStores;
        if (open.FirstOrDefault(store => store.IsDefault) is { } chosen) return chosen;
        // The same store opened twice leaves no doubt which one is meant.
        var urls = open.Select(store => store.Uri.TrimEnd('/')).Distinct().ToList();
        return urls.Count switch
        {
            1 => open[^1],
            0 => throw new StoreException(StoreError.StoreNotOpen,
                $"No store is open. Open one with Open-BorgStore, make one with New-BorgStore, or name one by its URL with {parameter}."),
            _ => throw new StoreException(StoreError.InvalidArgument,
                $"{urls.Count} stores are open: {string.Join(", ", urls)}. Say which one with {parameter}, or open one with -Default."),
        };
    }

    // An item of a store that was closed since finds the store where it was opened again.
    private StoreConnection FindOpenAgain(StoreConnection connection)
        => connection is OpenConnection { Store.IsClosed: true } ? FindOpen(connection.Options.Url) ?? connection : connection;

    // A URL as it is shown, without its password, means the open store as well.
    private static bool SameUrl(string open, string given) => IsSame(open, given) || IsSame(StoreUrl.Redact(open), given);

    private static bool IsSame(string a, string b) => a.AsSpan().TrimEnd('/').SequenceEqual(b.AsSpan().TrimEnd('/'));
}
