using System.Management.Automation;

namespace BorgStore.PowerShell.Binding;

/// <summary>Lets a switch bind to the text True or False, which is what CSV makes of it.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SwitchTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
        => (inputData is PSObject wrapped ? wrapped.BaseObject : inputData) switch
        {
            null => new SwitchParameter(false),
            string { Length: 0 } => new SwitchParameter(false),
            string text when bool.TryParse(text, out var value) => new SwitchParameter(value),
            bool value => new SwitchParameter(value),
            _ => inputData,
        };
}
