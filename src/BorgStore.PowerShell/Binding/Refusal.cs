using System.Management.Automation;

namespace BorgStore.Commands;

/// <summary>Says no to an argument in such a way that the binder may still try another parameter.</summary>
internal static class Refusal
{
    public static ArgumentTransformationMetadataException Of(string message)
        => new(message, new PSInvalidCastException(message));

    public static string Describe(object? value)
        => (value is PSObject wrapped ? wrapped.BaseObject : value) is { } plain ? $"of type {plain.GetType().Name}" : "empty";
}
