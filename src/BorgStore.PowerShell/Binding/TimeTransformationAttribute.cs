using System.Globalization;
using System.Management.Automation;

namespace BorgStore.PowerShell.Binding;

/// <summary>Rejects a bare number as a time. PowerShell would read it as ticks of 100 nanoseconds, which no user means.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class TimeTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
        => Explain(inputData) is { } why ? throw new ArgumentTransformationMetadataException(why) : inputData;

    /// <summary>Returns why a value is not a time, or null if it may be one.</summary>
    public static string? Explain(object? value)
        => ValueArgument.Unwrap(value) is (int or long or double or decimal) and IConvertible number && number.ToDecimal(null) != 0
            ? $"{number.ToString(CultureInfo.InvariantCulture)} has no unit. Write a time as 0:00:30 (hours, minutes, seconds) or 30.00:00:00 (days and so on), or as New-TimeSpan -Seconds {number.ToString(CultureInfo.InvariantCulture)}."
            : null;
}
