using System.Collections.Concurrent;
using BorgStore.Security;
using BorgStore.Server.Stores;

namespace BorgStore.Server.Access;

/// <summary>Who may do what in which store.</summary>
internal sealed record Rights
{
    /// <summary>Everything is allowed to every user who logged in, as without a rights file.</summary>
    public static readonly Rights Unlimited = new() { AllowsByDefault = true };

    private static readonly PermissionMap AppendOnlyMap = RestrictToAppending(PermissionPresets.Get("all"));

    private readonly ConcurrentDictionary<PermissionMap, PermissionMap> _appending = [];

    /// <summary>Whether users without any rule may do everything.</summary>
    public bool AllowsByDefault { get; init; }

    /// <summary>The users by name.</summary>
    public IReadOnlyDictionary<string, Account> Users { get; init; } = new Dictionary<string, Account>();

    /// <summary>The groups, in the order of the file.</summary>
    public IReadOnlyList<Account> Groups { get; init; } = [];

    /// <summary>The tokens by name.</summary>
    public IReadOnlyDictionary<string, Account> Tokens { get; init; } = new Dictionary<string, Account>();

    /// <summary>The maximum sizes of stores [bytes]; the first rule about a store decides.</summary>
    public IReadOnlyList<StoreRule<long>> Quotas { get; init; } = [];

    /// <summary>Whether a user may only use the stores whose names begin with the user's own.</summary>
    public bool PrivateRepositories { get; init; }

    /// <summary>Whether nothing may be deleted or replaced, except what clients need to be able to append.</summary>
    public bool AppendOnly { get; init; }

    /// <summary>Returns the rights of a user to a store.</summary>
    /// <param name="user">The user, or <see langword="null"/> if the server has no users.</param>
    /// <param name="store">The valid name of the store.</param>
    public StoreRights Find(string? user, string store)
    {
        var rights = FindOwn(user, store);
        return !AppendOnly || !rights.IsVisible ? rights
            : rights with { Permissions = rights.Permissions is { } map ? _appending.GetOrAdd(map, RestrictToAppending) : AppendOnlyMap };
    }

    /// <summary>Returns whether a user may do everything in all stores.</summary>
    /// <param name="user">The user.</param>
    public bool IsAdmin(string user) => (AllowsByDefault && !PrivateRepositories) || GetAccounts(user).Any(account => account?.IsAdmin == true);

    /// <summary>Returns whether a user may read the metrics of the server.</summary>
    /// <param name="user">The user.</param>
    public bool MayReadMetrics(string user) => IsAdmin(user) || GetAccounts(user).Any(account => account?.ReadsMetrics == true);

    /// <summary>Returns the maximum size of a store [bytes], or <see langword="null"/> if it is not limited.</summary>
    public long? GetQuota(string store) => Quotas.FirstOrDefault(rule => rule.Matches(store))?.Value;

    private StoreRights FindOwn(string? user, string store)
    {
        if (user is null) return AllowsByDefault ? StoreRights.Everything : StoreRights.None;
        var accounts = GetAccounts(user);
        if (Array.Exists(accounts, account => account?.IsAdmin == true)) return StoreRights.Everything;
        // A name with a slash would be below that of another user.
        var isPrivate = PrivateRepositories && StoreName.DescribeProblem(user) is null && (store == user || store.StartsWith(user + "/", StringComparison.Ordinal));
        if (PrivateRepositories && !isPrivate) return StoreRights.None;
        foreach (var account in accounts)
            foreach (var rule in account?.Stores ?? [])
                if (rule.Matches(store)) return rule.Value;
        return isPrivate || AllowsByDefault ? StoreRights.Everything : StoreRights.None;
    }

    private Account?[] GetAccounts(string user)
    {
        var own = Users.GetValueOrDefault(user) ?? Tokens.GetValueOrDefault(user);
        return Groups.Count == 0 ? [own] : [own, .. Groups.Where(group => group.Members.Contains(user))];
    }

    // The preset no-delete knows what clients must replace and delete even then: locks, caches, the configuration.
    private static PermissionMap RestrictToAppending(PermissionMap map)
    {
        const AccessRights Appending = AccessRights.List | AccessRights.Read | AccessRights.Write;
        var preset = PermissionPresets.Get("no-delete");
        return new(map.Entries.Keys.Union(preset.Entries.Keys)
            .Select(path => KeyValuePair.Create(path, PermissionMap.FormatRights(Limit(path)))).ToList());

        AccessRights Limit(string path)
        {
            var rights = map.GetRights(path);
            // Who may replace may also store anew.
            if (rights.HasFlag(AccessRights.Overwrite)) rights |= AccessRights.Write;
            return rights & (preset.GetRights(path) | Appending);
        }
    }
}
