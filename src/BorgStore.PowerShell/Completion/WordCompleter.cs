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

/// <summary>Offers presets of permissions.</summary>
public sealed class PermissionPresetCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => PermissionPresets.Names;
}
