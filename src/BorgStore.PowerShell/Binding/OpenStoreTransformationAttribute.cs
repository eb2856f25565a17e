using System.Management.Automation;
using BorgStore.PowerShell.Files;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Binding;

/// <summary>Converts the URLs of open stores to these stores.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class OpenStoreTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
        => ValueArgument.Unwrap(inputData) switch
        {
            string url => Find(engineIntrinsics, url),
            object?[] several => several.SelectMany(one => ValueArgument.Unwrap(one) is string url ? Find(engineIntrinsics, url) : new[] { one }).ToArray(),
            _ => inputData,
        };

    private static object?[] Find(EngineIntrinsics engine, string url)
        => StoreSession.Current.FindAllOpen(url) is { Count: > 0 } open
            ? [.. open]
            : throw new ArgumentTransformationMetadataException(StorePath.Explain(engine.SessionState.Path, url)?.Message ?? $"The store '{PrintableText.Escape(StoreUrl.Redact(url))}' is not open. Get-BorgStore shows the open ones.");
}
