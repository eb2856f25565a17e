using System.Collections.Concurrent;
using BorgStore.Backends;
using BorgStore.Layout;
using BorgStore.Naming;

namespace BorgStore;

/// <content>The levels that were given, held against what lies in the store.</content>
public sealed partial class Store
{
    private readonly ConcurrentDictionary<string, bool> _checkedNamespaces = new(StringComparer.Ordinal);
    private volatile bool _layoutIsOutdated;

    // What was recognised before is checked as what was given: it may have changed since.
    private bool LevelsMayBeWrong => _layoutIsGiven || _layoutIsRecalled;

    // Once for each namespace, before its first new item: with a wrong level that would lie beside its namesake, and both be listed.
    // It looks along the way of the new key, and then down to some item, so that it costs a few calls and never the listing of a
    // large flat directory.
    private async ValueTask CheckGivenLevelsAsync(NamespaceLayout ns, string name, CancellationToken cancellationToken)
    {
        if (!LevelsMayBeWrong || _checkedNamespaces.ContainsKey(ns.Name)) return;
        try
        {
            if (await FindOtherLevelAsync(ns, name, cancellationToken).ConfigureAwait(false) is { } other)
                throw new StoreException(StoreError.LayoutUnknown, $"'{name}' was not stored: {DescribeOtherLevel(ns, other)}", name);
        }
        catch (StoreException e) when (e.Error is StoreError.PermissionDenied)
        {
            // Who may only write cannot look.
        }
        _checkedNamespaces[ns.Name] = true;
    }

    // An item that is not where it was looked for may lie at another level than was given.
    private async ValueTask<StoreException> NotFoundAsync(string name, bool deleted, CancellationToken cancellationToken)
    {
        var ns = FindNamespace(name);
        // A flat namespace is not checked well, for it may be large.
        var isChecked = _checkedNamespaces.ContainsKey(ns.Name) && !ns.Levels.Contains(0);
        if (!LevelsMayBeWrong || isChecked) return NotFound(name, deleted);
        try
        {
            for (var level = 0; level <= NamespaceLayout.MostSearchedLevels; level++)
            {
                if (ns.Levels.Contains(level) || !Nesting.Fits(name, level)) continue;
                if (await _backend.FindAsync(NestToRead(name, level, deleted), cancellationToken).ConfigureAwait(false) is { IsDirectory: false })
                    return new(StoreError.LayoutUnknown, $"'{name}' cannot be used: {DescribeOtherLevel(ns, $"{level}")}", name);
            }
            if (await FindOtherLevelAsync(ns, name, cancellationToken).ConfigureAwait(false) is null) _checkedNamespaces[ns.Name] = true;
        }
        catch (StoreException e) when (e.Error is StoreError.PermissionDenied or StoreError.InvalidName)
        {
            // Who may not look does not learn more, and there is nothing at a level that would make the name too long.
        }
        return NotFound(name, deleted);
    }

    private string DescribeOtherLevel(NamespaceLayout ns, string level)
    {
        if (_layoutIsRecalled)
        {
            _layoutIsOutdated = true;
            return $"namespace '{ns.Name}' had level {string.Join(", ", ns.Levels)} when the store was first used in this session, but holds items at level {level} now. Try again: the levels are recognised anew.";
        }
        return $"namespace '{ns.Name}' was given level {string.Join(", ", ns.Levels)}, but holds items at level {level}. Open the store without -Namespace to have the levels recognised; to change them give the old and the new one, as in -Namespace @{{ {Quote(ns.Name)} = 1, 2 }}.";
    }

    private async ValueTask<string?> FindOtherLevelAsync(NamespaceLayout ns, string name, CancellationToken cancellationToken)
    {
        for (var level = 0; level < ns.WriteLevel; level++)
        {
            if (!ns.Levels.Contains(level)
                && await HoldsItemsAsync(ns, DirectoryAt(name, level), level, cancellationToken).ConfigureAwait(false)) return $"{level}";
        }
        var deeper = ns.Levels.Max() + 1;
        if (Nesting.Fits(name, deeper)
            && await _backend.FindAsync(DirectoryAt(name, deeper), cancellationToken).ConfigureAwait(false) is { IsDirectory: true })
            return $"{deeper} or deeper";
        if (ns.Levels.Contains(0)) return null;
        return await FindSomeLevelAsync(ns, cancellationToken).ConfigureAwait(false) is { } found && !ns.Levels.Contains(found) ? $"{found}" : null;
    }

    // The level of the item that is the first in the first directory of each depth; null where that is not clear.
    private async ValueTask<int?> FindSomeLevelAsync(NamespaceLayout ns, CancellationToken cancellationToken)
    {
        var path = "";
        for (var depth = 0; depth <= NamespaceLayout.DeepestLevel; depth++)
        {
            var directory = $"{ns.Name}/{path}".Trim('/');
            if (await FindFirstAsync(directory, cancellationToken).ConfigureAwait(false) is not { } first) return null;
            path = path.Length == 0 ? first.Name : $"{path}/{first.Name}";
            if (first.IsDirectory) continue;
            return Layout.Find($"{ns.Name}/{path}".Trim('/')) == ns && Nesting.Unnest(path).Levels == depth ? depth : null;
        }
        return null;
    }

    private async ValueTask<ItemInfo?> FindFirstAsync(string directory, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var item in _backend.ListAsync(directory, ListScope.OneLevel, cancellationToken).ConfigureAwait(false)) return item;
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectNotFound)
        {
            // Nothing lies there yet.
        }
        return null;
    }

    private async ValueTask<bool> HoldsItemsAsync(NamespaceLayout ns, string directory, int level, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var item in _backend.ListAsync(directory, ListScope.OneLevel, cancellationToken).ConfigureAwait(false))
            {
                if (item.IsDirectory) continue;
                var path = directory.Length == 0 ? item.Name : $"{directory}/{item.Name}";
                if (Layout.Find(path) == ns && Nesting.Unnest(ns.Name.Length == 0 ? path : path[(ns.Name.Length + 1)..]).Levels == level) return true;
            }
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectNotFound)
        {
            // Nothing lies there yet.
        }
        return false;
    }

    private static string DirectoryAt(string name, int level)
    {
        var nested = Nesting.Nest(name, level);
        var slash = nested.LastIndexOf('/');
        return slash < 0 ? "" : nested[..slash];
    }
}
