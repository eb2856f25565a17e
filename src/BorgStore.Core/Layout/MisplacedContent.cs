using BorgStore.Backends;
using BorgStore.Naming;

namespace BorgStore.Layout;

/// <summary>Finds content that does not fit the layout of a store, so that other folders are not taken for a store.</summary>
/// <remarks>Nothing in a store marks it as one. Any folder with lower-case names could be a store of flat
/// namespaces; unless the user gives the layout, only what can hardly be anything else is accepted.</remarks>
internal static class MisplacedContent
{
    private const int MaxExtensionLength = 5;
    private const int SampledItems = 100;

    /// <summary>Checks all content.</summary>
    /// <param name="backend">An open backend.</param>
    /// <param name="given">The layout, if the user gave it.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The nested name of the first misplaced file, and the reason; <see langword="null"/> if there is none.</returns>
    public static async Task<(string Path, string Reason)?> FindAsync(IBackend backend, StoreLayout? given, CancellationToken cancellationToken)
    {
        var layout = given ?? await LayoutDetector.DetectAsync(backend, cancellationToken).ConfigureAwait(false);
        var isSure = given is not null || layout == StoreLayout.Borg2;
        await foreach (var item in backend.ListAsync("", ListScope.Tree, cancellationToken).ConfigureAwait(false))
        {
            if (Describe(item.Name, layout, isSure) is { } reason) return (item.Name, reason);
        }
        return null;
    }

    /// <summary>Checks some items of a store whose layout was recognised.</summary>
    /// <param name="backend">An open backend.</param>
    /// <param name="detected">The recognised layout.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The nested name of what may be an ordinary file, and the reason;
    /// <see langword="null"/> if there is none, or if nested keys show that this is a store.</returns>
    public static async Task<(string Path, string Reason)?> FindSuspiciousContentAsync(IBackend backend, StoreLayout detected, CancellationToken cancellationToken)
    {
        if (detected == StoreLayout.Borg2 || detected.Namespaces.Any(ns => ns.IsKnown && ns.WriteLevel > 0)) return null;
        foreach (var ns in detected.Namespaces)
        {
            var left = SampledItems;
            await foreach (var item in backend.ListAsync(ns.Name, ListScope.Tree, cancellationToken).ConfigureAwait(false))
            {
                var name = ns.Name.Length == 0 ? item.Name : $"{ns.Name}/{item.Name}";
                if (Describe(name, detected, isSure: false) is { } reason) return (name, reason);
                if (--left == 0) break;
            }
        }
        return null;
    }

    private static string? Describe(string name, StoreLayout layout, bool isSure)
    {
        if (layout.Find(name) is not { } ns) return "which is in none of its namespaces";
        var (key, level, _) = Nesting.Unnest(ns.Name.Length == 0 ? name : name[(ns.Name.Length + 1)..]);
        if (isSure) return ns.IsKnown && !ns.Levels.Contains(level) ? $"which is at a different level than namespace '{ns.Name}' has" : null;
        var isLikely = level > 0 || (ns.Name.Length > 0 && !key.Contains('/') && !HasExtension(key));
        return isLikely ? null : "which may be an ordinary file. If this is a store, open it with its namespaces and their levels (Open-BorgStore -Namespace), and continue with the store that it returns";
    }

    private static bool HasExtension(string key)
    {
        var dot = key.LastIndexOf('.');
        var extension = key.AsSpan(dot + 1);
        return dot > 0 && extension.Length is > 0 and <= MaxExtensionLength && extension.IndexOfAnyInRange('a', 'z') >= 0;
    }
}
