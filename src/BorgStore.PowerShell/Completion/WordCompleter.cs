using BorgStore.Hashing;
using BorgStore.PowerShell.Binding;
using BorgStore.Security;

namespace BorgStore.PowerShell.Completion;

/// <summary>Base class for completers with a fixed list of words.</summary>
public abstract class WordCompleter : Completer
{
    private protected abstract IEnumerable<string> Words { get; }

    /// <inheritdoc/>
    private protected sealed override IEnumerable<string> Complete(CompletionRequest request, CancellationToken cancellationToken)
        => Words.Where(candidate => candidate.StartsWith(request.Word, StringComparison.OrdinalIgnoreCase));
}

/// <summary>Completes hash algorithms.</summary>
public sealed class AlgorithmCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => HashKind.All.Select(kind => kind.DisplayName);
}

/// <summary>Completes text encodings.</summary>
public sealed class EncodingCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => EncodingTransformationAttribute.Names;
}

/// <summary>Completes presets of permissions: the short names, and the long ones once something is typed.</summary>
public sealed class PermissionPresetCompleter : Completer
{
    /// <inheritdoc/>
    private protected override IEnumerable<string> Complete(CompletionRequest request, CancellationToken cancellationToken)
        => PermissionPresets.ShortNames.Concat(request.Word.Length > 0 ? PermissionPresets.Names : [])
            .Where(name => name.StartsWith(request.Word, StringComparison.OrdinalIgnoreCase));
}
