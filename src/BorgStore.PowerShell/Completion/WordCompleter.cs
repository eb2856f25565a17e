using BorgStore.Hashing;
using BorgStore.Security;

namespace BorgStore.Commands;

/// <summary>Offers words of a fixed list.</summary>
public abstract class WordCompleter : Completer
{
    private protected abstract IEnumerable<string> Words { get; }

    /// <inheritdoc/>
    private protected sealed override IEnumerable<string> Complete(CompletionRequest request, CancellationToken cancellationToken)
        => Words.Where(candidate => candidate.StartsWith(request.Word, StringComparison.OrdinalIgnoreCase));
}

/// <summary>Offers hash algorithms.</summary>
public sealed class AlgorithmCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => HashKind.All.Select(kind => kind.DisplayName);
}

/// <summary>Offers encodings of text.</summary>
public sealed class EncodingCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => EncodingTransformationAttribute.Names;
}

/// <summary>Offers presets of permissions: the short names, and the long ones to whoever begins with them.</summary>
public sealed class PermissionPresetCompleter : Completer
{
    /// <inheritdoc/>
    private protected override IEnumerable<string> Complete(CompletionRequest request, CancellationToken cancellationToken)
        => PermissionPresets.ShortNames.Concat(request.Word.Length > 0 ? PermissionPresets.Names : [])
            .Where(name => name.StartsWith(request.Word, StringComparison.OrdinalIgnoreCase));
}
