using System.Management.Automation;
using System.Security;

namespace BorgStore.PowerShell.Binding;

/// <summary>Rejects a password in plain text. PowerShell's own message would show it.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class PasswordTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
        => ValueArgument.Unwrap(inputData) is null or SecureString ? inputData : RejectedArgument.Mark(new SecureString(), new(StoreError.InvalidArgument,
            "A password must be a SecureString, as Read-Host -AsSecureString returns. From the column of a CSV file: -Password { ConvertTo-SecureString $_.Password -AsPlainText -Force }."));
}
